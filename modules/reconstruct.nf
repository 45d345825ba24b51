process RECONSTRUCT {
    tag "${meta.id}"
    label 'scan'
    label 'gpu'

    input:
    tuple val(meta), path(image, stageAs: 'image/*'), path(slices, stageAs: 'slices/*')
    path model, stageAs: 'model/*'
    path embedding, stageAs: 'embedding/*'
    val code

    output:
    tuple val(meta), path("reconstruction/${meta.id}/*"), emit: reconstruction

    script:
    """
    export OMP_NUM_THREADS=${task.cpus}
    reconstruct.py slices/${meta.id} image/* --out reconstruction/${meta.id} \\
        --model model/* ${embedding ? '--embedding embedding/*' : ''} ${task.ext.args}
    """

    stub:
    """
    reconstruct.py --help > /dev/null
    mkdir -p reconstruction/${meta.id}
    touch reconstruction/${meta.id}/${meta.id}_{pseudohealthy,anomaly,contrast,confidence}.nii.gz
    """
}
