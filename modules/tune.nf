process TUNE {
    tag "${meta.id}"
    label 'scan'
    label 'gpu'

    input:
    tuple val(meta), path(slices, stageAs: 'slices/*')
    path model, stageAs: 'model/*'
    path embedding, stageAs: 'embedding/*'
    val args
    val code

    output:
    path "tuning/${meta.id}.csv", emit: table

    script:
    """
    export OMP_NUM_THREADS=${task.cpus}
    'tune.py' slices/${meta.id} --model model/* ${embedding ? '--embedding embedding/*' : ''} \\
        --out tuning/${meta.id}.csv ${args}
    """

    stub:
    """
    'tune.py' --help > /dev/null
    mkdir tuning
    touch tuning/${meta.id}.csv
    """
}
