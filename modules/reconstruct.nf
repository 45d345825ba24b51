process RECONSTRUCT {
    tag "${metas.size() > 1 ? "${metas.first().id} to ${metas.last().id}" : metas.first().id}"
    label 'scan'
    label 'gpu'
    label 'grouped'

    input:
    tuple val(metas), path(slices, stageAs: 'slices/*')
    path model, stageAs: 'model/*'
    path embedding, stageAs: 'embedding/*'
    path weights, stageAs: 'weights/*'
    path settings
    val cubes
    val debug
    val args
    val code

    output:
    tuple val(metas), path('reconstructions/*'), emit: reconstructions
    path 'debug/*/*.png', emit: debug, optional: true

    script:
    """
    export OMP_NUM_THREADS=${task.cpus}
    'reconstruct.py' slices/* --out reconstructions \\
        --model model/* ${embedding ? '--embedding embedding/*' : ''} ${weights ? '--weights weights/*' : ''} \\
        ${settings ? "--settings ${settings}" : ''} ${cubes ? "--cubes '${cubes}'" : ''} \\
        ${debug ? '--debug debug' : ''} ${args}
    """

    stub:
    """
    'reconstruct.py' --help > /dev/null
    for scan in ${metas.id.join(' ')}; do
        mkdir -p reconstructions/\$scan
        touch reconstructions/\$scan/{stack,fused}.npz
    done
    """
}
